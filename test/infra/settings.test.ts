import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { settingsOf } from '../../infra/settings.ts';
import { DRAIN } from '../../shared/limits.ts';
import { synthesized } from '../support/synthesized.ts';

const bridges = ['home'];

describe('settingsOf', () => {
  it('takes the limits where nothing else is said', () => {
    const { drain, architecture, keepState } = settingsOf({ bridges });
    expect(drain).toEqual({
      batchSize: DRAIN.batchSize,
      batchWindowS: DRAIN.batchWindowS,
      timeoutS: DRAIN.timeoutS,
      memoryMb: DRAIN.memoryMb,
      visibilityTimeoutS: DRAIN.visibilityTimeoutS,
      maxReceiveCount: DRAIN.maxReceiveCount,
    });
    expect([architecture, keepState]).toEqual(['arm64', true]);
  });

  it('changes single values and leaves their neighbours', () => {
    const { drain } = settingsOf({ bridges, overrides: { drain: { batchWindowS: 1 } } });
    expect(drain).toMatchObject({ batchWindowS: 1, batchSize: DRAIN.batchSize });
  });

  it.each([
    [[], /must name at least one bridge/],
    [['home', 'home'], /must name each bridge once/],
    [['Home'], /must be lower-case letters/],
    ['home', /slotwise:bridges/],
    [undefined, /slotwise:bridges/],
  ])('refuses the bridges %j', (given, fault) => {
    expect(() => settingsOf({ bridges: given })).toThrow(fault);
  });

  it.each([
    [{ drain: { timeoutS: 61 } }, /visibilityTimeoutS must be at least 426/],
    [{ drain: { batchWindowS: 0 } }, /needs a drain.batchWindowS of at least 1/],
    [{ drain: { visibilityTimeoutS: 43_200, maxReceiveCount: 28 } }, /must be below 1209600/],
    [{ drain: { timeout: 10 } }, /timeout/],
    [{ compact: { graceS: 0 } }, /compact.graceS/],
    [{ architecture: 'mips' }, /architecture/],
    [{ logRetentionDays: 31 }, /logRetentionDays/],
    [{ bridgeAccess: { sourceIps: ['203.0.113.7'] } }, /must be a CIDR block/],
    [{ bridgeAccess: { sourceIps: ['0.0.0.0/0'] } }, /must not be every address/],
    [{ bridgeAccess: { sourceIps: [] } }, /must name at least one address/],
    [{ bridgeAccess: { caCertificate: '' } }, /caCertificate/],
    ['fast', /slotwise:settings/],
  ])('refuses the settings %j', (overrides, fault) => {
    expect(() => settingsOf({ bridges, overrides })).toThrow(fault);
  });
});

describe('the settings', () => {
  it('reach the templates', () => {
    using other = synthesized({
      overrides: {
        architecture: 'x86_64',
        logRetentionDays: 7,
        keepState: false,
        drain: {
          batchSize: 20,
          batchWindowS: 2,
          timeoutS: 30,
          memoryMb: 256,
          visibilityTimeoutS: 200,
          maxReceiveCount: 3,
        },
        feed: { retryAttempts: 4, recordAgeMaxS: 600 },
      },
      runsHere: true,
    });
    const { state, processing } = other;
    processing.allResourcesProperties('AWS::Lambda::Function', { Architectures: ['x86_64'] });
    processing.allResourcesProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 });
    processing.hasResourceProperties('AWS::Lambda::Function', { Timeout: 30, MemorySize: 256 });
    processing.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 20,
      MaximumBatchingWindowInSeconds: 2,
    });
    processing.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      MaximumRetryAttempts: 4,
      MaximumRecordAgeInSeconds: 600,
    });
    state.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 200,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 3 }),
    });
    state.allResourcesProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: false });
    for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::SQS::Queue']) {
      state.allResources(type, { DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    }
  }, 60_000);
});
