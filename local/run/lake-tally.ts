import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { parquetMetadata } from 'hyparquet';
import { listRawObjects } from '../../cli/lake/objects.ts';

/** A view that is late is worth more than a lake that is busy with being counted. */
const OBJECTS_PER_LOOK = 50;

/**
 * Rows of the lake for the live view, by the footers of its objects. An object never changes, so each is read once.
 * The closing report does not rely on it: that one reads every row.
 */
export class LakeTally {
  readonly #s3: S3Client;
  readonly #bucket: string;
  readonly #rowsByKey = new Map<string, number>();

  constructor(s3: S3Client, bucket: string) {
    this.#s3 = s3;
    this.#bucket = bucket;
  }

  async look(): Promise<{ readonly rows: number; readonly objects: number }> {
    const { objects } = await listRawObjects(this.#s3, { bucket: this.#bucket });
    const unread = objects.filter(({ key }) => !this.#rowsByKey.has(key)).slice(0, OBJECTS_PER_LOOK);
    for (const { key } of unread) {
      const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
      const bytes = await Body?.transformToByteArray();
      if (bytes === undefined) continue;
      const footer = parquetMetadata(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
      );
      this.#rowsByKey.set(key, Number(footer.num_rows));
    }
    return {
      rows: [...this.#rowsByKey.values()].reduce((sum, rows) => sum + rows, 0),
      objects: objects.length,
    };
  }
}
