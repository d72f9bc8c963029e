import type { MiddlewareObj } from '@middy/core';
import { describeFault, type Log } from './log.ts';

/** Whatever a handler throws is in the log with its request before Lambda retries it; it is thrown on unchanged. */
export function observed<Event, Result>(log: Log): MiddlewareObj<Event, Result> {
  return {
    onError: ({ error, context }) => {
      log.error('invocation.failed', { requestId: context.awsRequestId, fault: describeFault(error) });
    },
  };
}
