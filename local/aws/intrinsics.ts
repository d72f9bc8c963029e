import { type Place, TemplateFault } from './template-fault.ts';

/** What references of one stack mean. Each function throws a TemplateFault at `place` for what it does not know. */
export interface Scope {
  ref(logicalId: string, place: Place): unknown;
  getAtt(logicalId: string, attribute: string, place: Place): unknown;
  importValue(exportName: string, place: Place): unknown;
  stackOutput(of: { readonly stack: string; readonly output: string }, place: Place): unknown;
}

/** `AWS::NoValue`: the property that has it is absent. */
export const NO_VALUE = Symbol('AWS::NoValue');

/**
 * Evaluates the intrinsic functions that CDK writes for references. Lazy: a reference is resolved when it is met, so
 * the order of resources does not matter.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 * @throws TemplateFault naming an intrinsic that is not known here, with its place
 */
export function resolve(value: unknown, scope: Scope, place: Place): unknown {
  if (Array.isArray(value)) {
    return value.map((item) => resolve(item, scope, place)).filter((item) => item !== NO_VALUE);
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first !== undefined && isIntrinsic(first[0])) {
    return evaluate(first[0], first[1], scope, place);
  }
  const resolved: Record<string, unknown> = {};
  for (const [key, item] of entries) {
    const result = resolve(item, scope, place);
    if (result !== NO_VALUE) resolved[key] = result;
  }
  return resolved;
}

function isIntrinsic(key: string): boolean {
  return key === 'Ref' || key === 'Condition' || key.startsWith('Fn::');
}

function evaluate(name: string, argument: unknown, scope: Scope, place: Place): unknown {
  const fault = (text: string) => new TemplateFault(place, `${name} ${text}`);
  const text = (value: unknown): string => {
    const resolved = resolve(value, scope, place);
    if (typeof resolved === 'string' || typeof resolved === 'number') return String(resolved);
    throw fault(`needs a text, got ${JSON.stringify(value)}`);
  };
  const list = (value: unknown, length?: number): readonly unknown[] => {
    const resolved = Array.isArray(value) ? value : resolve(value, scope, place);
    if (Array.isArray(resolved) && (length === undefined || resolved.length === length)) return resolved;
    throw fault(`needs a list${length === undefined ? '' : ` of ${length}`}, got ${JSON.stringify(value)}`);
  };

  switch (name) {
    case 'Ref':
      return scope.ref(text(argument), place);
    case 'Fn::GetAtt': {
      const parts = typeof argument === 'string' ? split(argument) : list(argument, 2);
      return scope.getAtt(text(parts[0]), text(parts[1]), place);
    }
    case 'Fn::Join': {
      const [separator, items] = list(argument, 2);
      return list(items).map(text).join(text(separator));
    }
    case 'Fn::Split': {
      const [separator, whole] = list(argument, 2);
      return text(whole).split(text(separator));
    }
    case 'Fn::Select': {
      const [index, items] = list(argument, 2);
      const chosen = list(items)[Number(text(index))];
      if (chosen === undefined) throw fault(`has no item ${text(index)}`);
      return resolve(chosen, scope, place);
    }
    case 'Fn::Sub': {
      const [pattern, variables] = typeof argument === 'string' ? [argument, {}] : list(argument, 2);
      return substitute(String(pattern), variables as Record<string, unknown>, scope, place);
    }
    case 'Fn::ImportValue':
      return scope.importValue(text(argument), place);
    case 'Fn::GetStackOutput': {
      const { StackName, OutputName } = argument as Readonly<Record<string, unknown>>;
      return scope.stackOutput({ stack: text(StackName), output: text(OutputName) }, place);
    }
    default:
      throw new TemplateFault(place, `the intrinsic ${name} is not understood by the local run`);
  }
}

function substitute(
  pattern: string,
  variables: Readonly<Record<string, unknown>>,
  scope: Scope,
  place: Place,
): string {
  return pattern.replaceAll(/\$\{([^}]+)\}/g, (_whole, name: string) => {
    if (name.startsWith('!')) return `\${${name.slice(1)}}`;
    const value = Object.hasOwn(variables, name)
      ? resolve(variables[name], scope, place)
      : resolve(name.includes('.') ? { 'Fn::GetAtt': name } : { Ref: name }, scope, place);
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw new TemplateFault(place, `Fn::Sub: \${${name}} is not a text`);
  });
}

function split(reference: string): readonly [string, string] {
  const dot = reference.indexOf('.');
  return [reference.slice(0, dot), reference.slice(dot + 1)];
}
