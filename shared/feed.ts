import * as z from 'zod';
import { describeFaults } from './message.ts';
import { strategySchema } from './strategy.ts';

/** What the feed function sends to every bridge: the full image of the one strategy that version n changed. */
const feedMessageSchema = z.object({
  schema: z.literal(1),
  kind: z.literal('registry'),
  strategy: strategySchema,
});

export type FeedMessage = z.infer<typeof feedMessageSchema>;

export type DecodedFeed =
  | { readonly ok: true; readonly message: FeedMessage }
  | { readonly ok: false; readonly fault: string };

/** Never throws: a feed message that cannot be decoded is skipped and counted, the scan brings what it carried. */
export function decodeFeedMessage(body: string): DecodedFeed {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    return { ok: false, fault: `not JSON: ${(cause as Error).message}` };
  }
  const parsed = feedMessageSchema.safeParse(json);
  if (!parsed.success) return { ok: false, fault: describeFaults(parsed.error) };
  return { ok: true, message: parsed.data };
}
