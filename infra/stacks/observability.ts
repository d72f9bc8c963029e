import { CfnOutput, CrossStackReferences, ReferenceStrength, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { Alarms } from '../constructs/alarms.ts';
import { customerKey } from '../constructs/customer-key.ts';
import { Overview } from '../constructs/dashboard.ts';
import type { Settings } from '../settings.ts';
import type { FeedStack } from './feed.ts';
import type { IngestStack } from './ingest.ts';
import type { StateStack } from './state.ts';

/** What looks at the others and holds nothing: it can be deleted and deployed again at any time. */
export class ObservabilityStack extends Stack {
  /** Told of every alarm. */
  readonly topic: Topic;
  constructor(
    scope: Construct,
    id: string,
    props: {
      readonly state: StateStack;
      readonly ingest: IngestStack;
      readonly feed: FeedStack;
      readonly settings: Settings;
    },
  ) {
    super(scope, id, { description: 'slotwise: alarms, whom they tell, and the dashboard.' });
    // An export that this stack imports could not be removed with the bridge that it belongs to.
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);
    const { state, ingest, feed, settings } = props;
    const { bridges } = settings;
    const key = customerKey(this, settings);
    const topic = new Topic(this, 'Alarmed', {
      displayName: 'slotwise',
      enforceSSL: true,
      ...(key && { masterKey: key }),
    });
    // A policy of its own, as TLS needs one, takes the place of the one that lets the account's alarms publish.
    // https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
    topic.addToResourcePolicy(
      new PolicyStatement({
        sid: 'PublishAlarms',
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': this.account } },
      }),
    );
    if (settings.alarmEmail !== undefined) topic.addSubscription(new EmailSubscription(settings.alarmEmail));
    const alarms = new Alarms(this, 'Alarms', { state, ingest, feed, bridges, topic });
    new Overview(this, 'Overview', { state, ingest, feed, bridges, alarms: alarms.all });
    this.topic = topic;
    new CfnOutput(this, 'AlarmTopic', { value: topic.topicArn });
  }
}
