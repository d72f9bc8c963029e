import { Duration, Stack } from 'aws-cdk-lib';
import { type CronOptions, Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { EventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { COMPACT, DEAD_LETTER } from '../../shared/limits.ts';
import { FUNCTION_ENV, LAKE } from '../../shared/names.ts';
import { acknowledgeKeys } from '../constructs/acknowledge.ts';
import { consume } from '../constructs/consume.ts';
import { Handler } from '../constructs/handler.ts';
import { type NativeTarget, nativePackages } from '../constructs/native-packages.ts';
import { allow } from '../constructs/statement.ts';
import type { Settings } from '../settings.ts';
import type { StateStack } from './state.ts';

/** From the snapshot queue to the lake and its table. It holds nothing: it can be deleted and deployed again. */
export class IngestStack extends Stack {
  readonly drain: Handler;
  readonly deadLetter: Handler;
  readonly compact: Handler;

  constructor(
    scope: Construct,
    id: string,
    props: { readonly state: StateStack; readonly settings: Settings },
  ) {
    super(scope, id, { description: 'slotwise: what brings snapshots into the lake and keeps it in order.' });
    const { state, settings } = props;
    this.drain = this.#addDrain(state, settings);
    this.deadLetter = this.#addDeadLetter(state, settings);
    this.compact = this.#addCompact(state, settings);
  }

  /** Snapshots -> lake, positions, audit. */
  #addDrain(state: StateStack, settings: Settings): Handler {
    const { drain } = settings;
    const handler = new Handler(this, 'Drain', {
      directory: 'functions/drain',
      description: 'Empties the snapshot queue into the lake, keeps positions and audit',
      timeoutS: drain.timeoutS,
      memoryMb: drain.memoryMb,
      settings,
      environment: {
        [FUNCTION_ENV.lakeBucket]: state.lake.bucketName,
        [FUNCTION_ENV.positionsTable]: state.positions.tableName,
        [FUNCTION_ENV.auditTable]: state.audit.tableName,
      },
      statements: [
        consume('ConsumeSnapshots', state.snapshots),
        allow('WriteLake', {
          actions: ['s3:PutObject'],
          resources: [state.lake.arnForObjects(`${LAKE.raw}*`)],
        }),
        allow('WriteDeclarations', {
          actions: ['s3:PutObject'],
          resources: [state.lake.arnForObjects(`${LAKE.ledger}*`)],
        }),
        allow('WritePositions', { actions: ['dynamodb:PutItem'], resources: [state.positions.tableArn] }),
        allow('KeepAudit', {
          actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
          resources: [state.audit.tableArn],
        }),
      ],
    });
    new EventSourceMapping(this, 'DrainTrigger', {
      target: handler.function,
      eventSourceArn: state.snapshots.queueArn,
      batchSize: drain.batchSize,
      maxBatchingWindow: Duration.seconds(drain.batchWindowS),
      reportBatchItemFailures: true,
    }).node.addDependency(handler.role);
    acknowledgeKeys(handler.role, [LAKE.raw, LAKE.ledger]);
    return handler;
  }

  /** What failed for good -> its raw body in the lake, its causes in the audit. */
  #addDeadLetter(state: StateStack, settings: Settings): Handler {
    const handler = new Handler(this, 'DeadLetter', {
      directory: 'functions/dead-letter',
      description: 'Keeps the raw body of what could not be stored and marks it as failed',
      timeoutS: DEAD_LETTER.timeoutS,
      memoryMb: settings.deadLetter.memoryMb,
      settings,
      environment: {
        [FUNCTION_ENV.lakeBucket]: state.lake.bucketName,
        [FUNCTION_ENV.auditTable]: state.audit.tableName,
      },
      statements: [
        consume('ConsumeDeadLetters', state.snapshotDeadLetters),
        allow('KeepRawBodies', {
          actions: ['s3:PutObject'],
          resources: [state.lake.arnForObjects(`${LAKE.dead}*`)],
        }),
        allow('MarkFailed', {
          actions: ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
          resources: [state.audit.tableArn],
        }),
      ],
    });
    new EventSourceMapping(this, 'DeadLetterTrigger', {
      target: handler.function,
      eventSourceArn: state.snapshotDeadLetters.queueArn,
      batchSize: DEAD_LETTER.batchSize,
      reportBatchItemFailures: true,
    }).node.addDependency(handler.role);
    acknowledgeKeys(handler.role, [LAKE.dead]);
    return handler;
  }

  /** Raw objects -> the Delta table. */
  #addCompact(state: StateStack, settings: Settings): Handler {
    const { lake } = state;
    const handler = new Handler(this, 'Compact', {
      directory: 'functions/compact',
      description: 'Brings the raw objects of a day into the Delta table, each id once',
      timeoutS: COMPACT.timeoutS,
      memoryMb: settings.compact.memoryMb,
      diskMb: COMPACT.diskMb,
      native: () => nativePackages(nativeTarget(settings)),
      settings,
      environment: {
        [FUNCTION_ENV.lakeBucket]: lake.bucketName,
        [FUNCTION_ENV.compactGraceS]: String(settings.compact.graceS),
      },
      statements: [
        allow('ListLake', { actions: ['s3:ListBucket'], resources: [lake.bucketArn] }),
        allow('ReadRaw', { actions: ['s3:GetObject'], resources: [lake.arnForObjects(`${LAKE.raw}*`)] }),
        allow('RetireRaw', { actions: ['s3:DeleteObject'], resources: [lake.arnForObjects(`${LAKE.raw}*`)] }),
        allow('KeepTable', {
          actions: ['s3:GetObject', 's3:PutObject'],
          resources: [lake.arnForObjects(`${LAKE.table}*`)],
        }),
        // The files of a day, never the log.
        allow('VacuumTable', {
          actions: ['s3:DeleteObject'],
          resources: [lake.arnForObjects(`${LAKE.table}dt=*`)],
        }),
      ],
    });
    for (const [id, { pass, schedule }] of Object.entries(schedulesOf(settings))) {
      new Rule(this, id, {
        description: `Compacts the lake, ${pass}`,
        schedule: Schedule.cron(schedule),
        targets: [new LambdaFunction(handler.function, { event: RuleTargetInput.fromObject({ pass }) })],
      });
    }
    acknowledgeKeys(handler.role, [LAKE.raw, LAKE.table, `${LAKE.table}dt=`]);
    return handler;
  }
}

/** In UTC. By default not on the hour, when everybody's schedules run. */
function schedulesOf({ compact }: Settings): Record<string, { pass: string; schedule: CronOptions }> {
  const [hour, minute] = compact.nightlyAt.split(':').map(Number);
  return {
    CompactHourly: { pass: 'hourly', schedule: { minute: `${compact.hourlyMinute}` } },
    CompactNightly: { pass: 'nightly', schedule: { minute: `${minute}`, hour: `${hour}` } },
  };
}

function nativeTarget({ runsHere, architecture }: Settings): NativeTarget {
  return runsHere ? 'this machine' : { cpu: architecture === 'arm64' ? 'arm64' : 'x64' };
}
