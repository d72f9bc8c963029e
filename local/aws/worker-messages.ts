/** What crosses between a function's pool and its worker threads. Events and responses travel as JSON text only. */

export interface WorkerStart {
  /** Directory of the asset: nothing outside it can be imported. */
  readonly code: string;
  /** `<file>.<export>` */
  readonly handler: string;
}

export interface InvokeMessage {
  readonly requestId: string;
  readonly event: string;
  readonly timeoutMs: number;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
}

export type WorkerMessage =
  /** The bundle is loaded, or failed to: its fault then answers every invocation. */
  | { readonly type: 'ready' }
  | {
      readonly type: 'response';
      readonly requestId: string;
      readonly body: string;
      /** Heap and buffers of the thread. */
      readonly memoryBytes: number;
      /** Of the thread, for this invocation. */
      readonly cpuMs: number;
    }
  | { readonly type: 'fault'; readonly requestId: string; readonly fault: string };
