import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AlarmState, stateHistory } from '../../cli/cloudwatch/alarm.ts';
import { MetricStore } from '../../cli/cloudwatch/series.ts';
import { LIMITS } from '../../infra/constructs/signals.ts';
import { encodeMessage, type Heartbeat } from '../../shared/message.ts';
import {
  LOCAL_METRICS,
  type MetricIdentity,
  type Monitoring,
  metricKey,
  parseMetricValues,
  parseMonitoring,
} from '../../shared/local-metrics.ts';
import { REGISTRY } from '../../shared/names.ts';
import { PushedClock } from '../local/aws/support/pushed-clock.ts';
import { eventually } from '../support/eventually.ts';
import { heartbeat } from '../support/messages.ts';
import { snapshot } from '../support/snapshots.ts';
import { draft } from '../support/strategies.ts';
import { System } from './system.ts';
