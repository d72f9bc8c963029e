import { DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { isZero } from '../../shared/decimal.ts';
import { POSITIONS } from '../../shared/names.ts';
import type { Observation } from './judge.ts';
import { LINES, type Stage } from './stage.ts';
import { positionKeyOf } from './truth.ts';

export async function observe(stage: Stage): Promise<Observation> {
  const { cloudPart, gateway, keeper, truth } = stage;
  const [strategies, registryVersion, table] = await Promise.all([
    cloudPart.store.list(),
    cloudPart.store.head(),
    readTable(stage),
  ]);
  // Bridge and gateway at once: what is polled comes and goes.
  const status = await keeper.status();
  const { lines, orders } = gateway.stats();
  return {
    status,
    lines,
    orders,
    cap: LINES.cap,
    strategies,
    registryVersion,
    truth: truth.positions,
    table,
  };
}

/** What the positions table says is held: key -> quantity. */
export async function readTable({
  cloudPart,
  portfolio,
}: Pick<Stage, 'cloudPart' | 'portfolio'>): Promise<ReadonlyMap<string, string>> {
  const client = DynamoDBDocumentClient.from(cloudPart.clients.dynamodb);
  const held = new Map<string, string>();
  for (const account of portfolio.accounts) {
    const pages = paginateQuery(
      { client },
      {
        TableName: cloudPart.cloud.outputs.positionsTable,
        KeyConditionExpression: `${POSITIONS.partitionKey} = :account AND ${POSITIONS.sortKey} > :lease`,
        ExpressionAttributeValues: { ':account': account, ':lease': POSITIONS.leaseConId },
        ConsistentRead: true,
      },
    );
    for await (const { Items = [] } of pages) {
      for (const { conId, quantity } of Items) {
        if (!isZero(String(quantity)))
          held.set(positionKeyOf({ account, conId: Number(conId) }), String(quantity));
      }
    }
  }
  return held;
}
