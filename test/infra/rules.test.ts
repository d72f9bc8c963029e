import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks, type IApplyRule, NagRuleCompliance } from 'cdk-nag';
import type { IConstruct } from 'constructs';
import { beforeAll, describe, expect, it } from 'vitest';
import { initAuthority } from '../../cli/certs/store.ts';
import type { SettingOverrides } from '../../infra/settings.ts';
import { appOf } from '../../infra/synth.ts';

/** What the settings of cdk.json can add to the stacks or take from them, all of it at once. */
async function everything(directory: string): Promise<SettingOverrides> {
  const { files } = await initAuthority(directory, new Date());
  return {
    alarmEmail: 'trader@example.com',
    bridgeAccess: { caCertificate: files.certificate, sourceIps: ['203.0.113.7/32'] },
    keyArn: 'arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0',
    keepState: false,
    host: { bridge: 'cloud' },
  };
}

describe.each([
  ['as they are', () => ({})],
  ['with all that may be chosen', everything],
])('the rules of AWS Solutions, over the stacks %s', (_choice, overridesIn) => {
  let app: App;

  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'slotwise-rules-'));
    app = appOf({
      outdir: join(directory, 'cdk.out'),
      bridges: ['home', 'cloud'],
      overrides: await overridesIn(directory),
      // The rules look at no machine code: that of this machine is here already.
      runsHere: true,
      bundles: false,
    });
    // References between the stacks become what a template has; cdk-nag sees nothing of them before.
    app.synth();
    return () => rmSync(directory, { recursive: true, force: true });
  }, 60_000);

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

/** All of the tree that are ours, in the words in which cdk-nag looks for them. CDK makes some of its own. */
function acknowledgements(scope: IConstruct): Acknowledgement[] {
  return scope.node.findAll().flatMap((at) =>
    at.node.metadata
      .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
      .flatMap(({ data }) => Object.entries(data as Record<string, string>))
      .map(([id, reason]) => ({ at, id: id.replace(/^annotation::/i, ''), reason }))
      .filter(({ id }) => !id.startsWith('CloudFormation-Validate::')),
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
