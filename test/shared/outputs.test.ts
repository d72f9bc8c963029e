import { describe, expect, it } from 'vitest';
import { parseOutputs } from '../../shared/outputs.ts';

const VALUES = {
  Region: 'us-east-1',
  SnapshotQueueUrl: 'http://127.0.0.1:9324/000000000000/snapshots',
  SnapshotDeadLetterQueueUrl: 'http://127.0.0.1:9324/000000000000/dead',
  FeedQueueUrls: JSON.stringify({ home: 'http://127.0.0.1:9324/000000000000/feed-home' }),
  RegistryTable: 'registry',
  PositionsTable: 'positions',
  AuditTable: 'audit',
  LakeBucket: 'lake',
};

describe('the outputs file', () => {
  it('is read whatever stacks its values are spread over', () => {
    const { Region, ...rest } = VALUES;
    const outputs = parseOutputs(JSON.stringify({ State: { Region, Other: 1 }, Ingest: rest }));
    expect(outputs.region).toBe('us-east-1');
    expect(outputs.feedQueueUrls.home).toMatch(/feed-home$/);
  });

  it('names every value that is missing or wrong at once', () => {
    const { LakeBucket: _bucket, ...rest } = VALUES;
    const text = JSON.stringify({ Stack: { ...rest, FeedQueueUrls: '{"Home": "not a url"}' } });
    expect(() => parseOutputs(text)).toThrow(/FeedQueueUrls.*LakeBucket/s);
  });

  it('says so when it is no JSON', () => {
    expect(() => parseOutputs('Outputs:')).toThrow(/not JSON/);
    expect(() => parseOutputs('[1]')).toThrow(/another shape/);
  });
});
