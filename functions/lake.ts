import { setTimeout as delay } from 'node:timers/promises';
import { PutObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3';

export interface LakeObject {
  /** Deterministic: the same content always has the same key. */
  readonly key: string;
  readonly body: Uint8Array | string;
  readonly contentType: string;
}

const CONFLICT_ATTEMPTS = 4;
const CONFLICT_DELAY_MS = 50;

/** The lake as the functions write it: every object once. */
export class Lake {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  /**
   * Writes the object unless it is there already, which is as good: a retry has the same content under the same key.
   * 412 says that it is there; 409 that another write of the key is under way, to be tried again.
   * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
   * @throws S3ServiceException or a network error when it is not known to be there
   */
  async putOnce(object: LakeObject): Promise<'written' | 'present'> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#client.send(
          new PutObjectCommand({
            Bucket: this.#bucket,
            Key: object.key,
            Body: object.body,
            ContentType: object.contentType,
            IfNoneMatch: '*',
          }),
        );
        return 'written';
      } catch (fault) {
        const status = fault instanceof S3ServiceException ? fault.$metadata.httpStatusCode : undefined;
        if (status === 412) return 'present';
        if (status !== 409 || attempt === CONFLICT_ATTEMPTS) throw fault;
        await delay(CONFLICT_DELAY_MS * attempt);
      }
    }
  }
}
