import type { Service } from './service.ts';

/** What a policy is asked: one IAM action on one ARN. */
export interface Access {
  /** For example `sqs:SendMessage`. */
  readonly action: string;
  readonly resource: string;
}

/** One request at the front door, as policies and cost reports see it. */
export interface Call {
  readonly service: Service;
  /** Name in the service's API, for example `SendMessageBatch`. */
  readonly operation: string;
  /** The access key id that signed: every component has one named after its role. */
  readonly principal: string;
  /** What the caller must be allowed to; several for a transaction, none where IAM is not asked. */
  readonly accesses: readonly Access[];
}
