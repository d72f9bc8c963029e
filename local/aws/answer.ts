import type { EmulatorResponse } from './emulators.ts';
import type { Service } from './service.ts';

/** An error in the service's own form, as its SDK client reads it. */
export function errorAnswer(
  service: Service,
  error: { readonly status: number; readonly code: string; readonly message: string },
): EmulatorResponse {
  const { status, code, message } = error;
  if (service === 's3') {
    const text = message.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${text}</Message></Error>`;
    return { status, headers: { 'content-type': 'application/xml' }, body: Buffer.from(xml) };
  }
  const body = Buffer.from(JSON.stringify({ __type: code, message }));
  return { status, headers: { 'content-type': 'application/x-amz-json-1.0' }, body };
}

/**
 * "No" in the words of each service: SQS keeps the code of its older protocol in a header, DynamoDB answers 400.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
export function accessDenied(service: Service, message: string): EmulatorResponse {
  if (service === 's3') return errorAnswer(service, { status: 403, code: 'AccessDenied', message });
  const code = 'com.amazon.coral.service#AccessDeniedException';
  if (service === 'dynamodb') return errorAnswer(service, { status: 400, code, message });
  const answer = errorAnswer(service, { status: 403, code, message });
  return { ...answer, headers: { ...answer.headers, 'x-amzn-query-error': 'AccessDenied;Sender' } };
}
