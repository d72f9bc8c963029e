/** Condition keys of a request. */
export type Context = Readonly<Record<string, string>>;

/**
 * The doors of a local run are loopback without TLS and stand for AWS's own endpoints, which the SDK reaches by TLS:
 * so a call counts as one that came by it. What becomes of one that did not is asked apart, by CONTRARY.
 */
export const BY_TLS: Context = { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.3' };

/** Requests that queues and the bucket must refuse whoever sends them: the other side of BY_TLS. */
export const CONTRARY: readonly Context[] = [
  { 'aws:SecureTransport': 'false' },
  { 'aws:SecureTransport': 'true', 's3:TlsVersion': '1.1' },
];
