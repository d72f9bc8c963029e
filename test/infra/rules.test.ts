import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, type IApplyRule, NagRuleCompliance } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appOf } from '../../infra/synth.ts';

let outdir: string;
let app: App;

beforeAll(() => {
  outdir = mkdtempSync(join(tmpdir(), 'slotwise-rules-'));
  app = appOf({
    outdir,
    bridges: ['home', 'cloud'],
    overrides: { alarmEmail: 'trader@example.com', bridgeAccess: { sourceIps: ['203.0.113.7/32'] } },
    // The rules look at no machine code: that of this machine is here already.
    runsHere: true,
    bundles: false,
  });
  // References between the stacks become what a template has; cdk-nag sees nothing of them before.
  app.synth();
}, 60_000);

afterAll(() => rmSync(outdir, { recursive: true, force: true }));

describe('the rules of AWS Solutions', () => {
  it('find nothing that is not acknowledged with a reason', () => {
    const { violations } = new AwsSolutionsChecks().validateScope(app);
    const found = violations.flatMap(({ ruleName, description, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${constructPath}: ${ruleName}: ${description}`),
    );
    expect(found).toEqual([]);
  });

  it('are acknowledged one by one: each acknowledgement is of one finding, not of none and not of several', () => {
    const findings = new Findings();
    findings.validateScope(app);
    const counted = acknowledgements(app).map(({ at, id }) => {
      const { length } = findings.all.filter((one) => one.id === id && one.resource.node.scopes.includes(at));
      return { of: `${at.node.path}: ${id}`, length };
    });
    expect(counted.length).toBeGreaterThan(0);
    expect(counted.filter(({ length }) => length !== 1)).toEqual([]);
  });

  it('are acknowledged with a sentence that says why', () => {
    for (const { id, reason } of acknowledgements(app)) expect(reason, id).toMatch(/^[A-Z`].{40,}/s);
  });
});

interface Acknowledgement {
  readonly at: IConstruct;
  readonly id: string;
  readonly reason: string;
}

/** All of the tree, in the words in which cdk-nag looks for them. */
function acknowledgements(scope: IConstruct): Acknowledgement[] {
  return scope.node.findAll().flatMap((at) =>
    at.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({ at, id: id.replace(/^annotation::/i, ''), reason })),
  );
}

/** What the rules find before acknowledgements silence it. */
class Findings extends AwsSolutionsChecks {
  readonly all: { readonly id: string; readonly resource: IConstruct }[] = [];

  protected override applyRule(params: IApplyRule): void {
    const suffix = params.ruleSuffixOverride ?? params.rule.name;
    const found = (id: string) => this.all.push({ id, resource: params.node });
    const rule = (resource: IApplyRule['node']) => {
      const ruleId = `${this.packName}-${suffix}`;
      const result = params.rule(resource);
      if (result === NagRuleCompliance.NON_COMPLIANT) found(ruleId);
      else if (Array.isArray(result)) for (const finding of result) found(`${ruleId}[${finding}]`);
      return result;
    };
    super.applyRule({ ...params, ruleSuffixOverride: suffix, rule });
  }
}
