/** What a formula of metric math is made of. */
export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Expression[] }
  | { readonly kind: 'negative'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    };

/** By precedence, the loosest first. */
const LEVELS = [
  ['OR', '||'],
  ['AND', '&&'],
  ['==', '!=', '<=', '>=', '<', '>'],
  ['+', '-'],
  ['*', '/'],
  ['^'],
] as const;

export type Operator = (typeof LEVELS)[number][number];

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?)|(AND|OR)\b|([A-Z][A-Z_0-9]*)(?=\s*\()|([a-z]\w*)|(\|\||&&|[=!<>]=|[-+*/^<>(),]))\s*/y;

/**
 * Reads a formula of metric math.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
 * @throws SyntaxError naming the place that is not understood
 */
export function parseExpression(text: string): Expression {
  const reader = new Reader(text);
  const expression = reader.level(0);
  reader.end();
  return expression;
}

type Token =
  | { readonly kind: 'number' | 'function' | 'id' | 'symbol'; readonly text: string }
  | { readonly kind: 'end'; readonly text: '' };

class Reader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  level(depth: number): Expression {
    const operators: readonly string[] | undefined = LEVELS[depth];
    if (operators === undefined) return this.#operand();
    let left = this.level(depth + 1);
    for (
      let token = this.#peek();
      token.kind === 'symbol' && operators.includes(token.text);
      token = this.#peek()
    ) {
      this.#at += 1;
      left = { kind: 'binary', operator: token.text as Operator, left, right: this.level(depth + 1) };
    }
    return left;
  }

  end(): void {
    if (this.#peek().kind !== 'end') throw this.#fault();
  }

  #operand(): Expression {
    const token = this.#peek();
    this.#at += 1;
    if (token.kind === 'number') return { kind: 'number', value: Number(token.text) };
    if (token.kind === 'id') return { kind: 'id', id: token.text };
    if (token.kind === 'function') {
      this.#expect('(');
      const operands = [this.level(0)];
      while (this.#peek().text === ',') {
        this.#at += 1;
        operands.push(this.level(0));
      }
      this.#expect(')');
      return { kind: 'call', name: token.text, operands };
    }
    if (token.text === '-') return { kind: 'negative', operand: this.#operand() };
    if (token.text !== '(') throw this.#fault();
    const inner = this.level(0);
    this.#expect(')');
    return inner;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '' };
  }

  #expect(text: string): void {
    if (this.#peek().text !== text) throw this.#fault();
    this.#at += 1;
  }

  #fault(): SyntaxError {
    return new SyntaxError(`not understood at "${this.#peek().text || 'its end'}": ${this.#text}`);
  }
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (found === null) throw new SyntaxError(`not understood at "${text.slice(from)}": ${text}`);
    const [, number, word, name, id, symbol] = found;
    if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (name !== undefined) tokens.push({ kind: 'function', text: name });
    else if (id !== undefined) tokens.push({ kind: 'id', text: id });
    else tokens.push({ kind: 'symbol', text: word ?? symbol ?? '' });
  }
  return tokens;
}
