/** Services behind the front door. Streams share DynamoDB's door, as they share its endpoint settings. */
export type Service = 'sqs' | 's3' | 'dynamodb';

/** refused: nobody listens. unavailable: the service answers 503. throttled: it answers that it is asked too often. */
export type ServiceFault = 'refused' | 'unavailable' | 'throttled';

/** Base URLs on 127.0.0.1 without a trailing slash. */
export type Endpoints = Readonly<Record<Service, string>>;
