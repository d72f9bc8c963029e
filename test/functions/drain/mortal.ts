import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { Audit } from '../../../functions/audit.ts';
import { Positions } from '../../../functions/drain/positions.ts';
import type { DrainStores } from '../../../functions/drain/store.ts';
import { Lake } from '../../../functions/lake.ts';
import { clientsOf } from '../../../local/aws/clients.ts';
import type { TestServices } from '../../support/services.ts';

/** When a drain dies: at its n-th call of AWS, counted from 1, which still took effect there or did not. */
export interface Death {
  readonly call: number;
  readonly effect: 'done' | 'none';
}

/** The stores of one invocation of the drain, whose process can be killed in the middle of it. */
export interface MortalStores extends Disposable {
  readonly stores: DrainStores;
  /** Calls that were begun while it lived. */
  readonly calls: number;
  readonly isDead: boolean;
}

/**
 * Real clients on real sockets. From its death on no call leaves the process any more, which is all that a killed
 * process can no longer do; what it would have returned, the test must not look at.
 */
export function mortalStores(services: TestServices, death?: Death): MortalStores {
  const { bucket, endpoints, tables } = services;
  const clients = clientsOf('test', { endpoints, region: 'us-east-1' });
  const documents = DynamoDBDocumentClient.from(clients.dynamodb, {
    marshallOptions: { removeUndefinedValues: true },
  });
  let calls = 0;
  let isDead = false;
  const mortality =
    <Args, Result>(next: (args: Args) => Promise<Result>) =>
    async (args: Args): Promise<Result> => {
      if (isDead) throw new Error('the process is dead');
      calls += 1;
      if (calls !== death?.call) return await next(args);
      isDead = true;
      if (death.effect === 'done') await next(args);
      throw new Error('the process was killed');
    };
  // Around the whole call, retries included.
  const outermost = { step: 'initialize', name: 'mortality', priority: 'high' } as const;
  clients.s3.middlewareStack.add(mortality, outermost);
  clients.dynamodb.middlewareStack.add(mortality, outermost);
  return {
    stores: {
      lake: new Lake(clients.s3, bucket),
      positions: new Positions(documents, tables.positions),
      audit: new Audit(documents, tables.audit),
    },
    get calls() {
      return calls;
    },
    get isDead() {
      return isDead;
    },
    [Symbol.dispose]: () => clients[Symbol.dispose](),
  };
}
