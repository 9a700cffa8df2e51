import type { Dispatcher } from "undici";

/**
 * A view of the dispatcher that asks `mayBeSent` at the moment a request is about to go out, and not when it begins to
 * wait for a connection: a process that is paused in between must not send it when it wakes up. What may not be sent
 * fails with what `refusal` gives.
 */
export function lastMoment(
  dispatcher: Dispatcher,
  mayBeSent: () => boolean,
  refusal: () => Error,
): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const start = handler.onRequestStart?.bind(handler);
    // undici calls it with the connection in hand and no byte written; throwing fails the request alone.
    handler.onRequestStart = (controller, context) => {
      if (!mayBeSent()) throw refusal();
      start?.(controller, context);
    };
    return dispatch(options, handler);
  });
}
