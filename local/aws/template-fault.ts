/** Where in the templates something stands. */
export interface Place {
  readonly stack: string;
  /** Logical id of a resource, or the name of an output. */
  readonly logicalId: string;
  readonly property?: string;
}

/** The template holds what the local run does not understand: it stops before anything starts, nothing is ignored. */
export class TemplateFault extends Error {
  constructor(place: Place, text: string) {
    super(`${place.stack}/${place.logicalId}${place.property ? ` ${place.property}` : ''}: ${text}`);
    this.name = 'TemplateFault';
  }
}
