import { encodeMessage, type Message } from '../../shared/message.ts';
import { CorruptDatabase } from './fault.ts';

/**
 * Of a message that is made of what the file holds: we wrote that, so where it makes no message, the file is at fault.
 * @throws CorruptDatabase
 */
export function encodeStored(message: Message): string {
  try {
    return encodeMessage(message);
  } catch (cause) {
    throw new CorruptDatabase(`what it holds makes no ${message.kind}`, { cause });
  }
}
