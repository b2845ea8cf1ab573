/** Does what was asked. The product supplies the doing: an upstream behind the gateway, a handler in the framework. */
import type { Answer, Filling, Intended, Invoked } from '../exchange.ts';
import type { Ports } from '../ports.ts';
import { isRefusal, type Refusal } from '../refusals.ts';

/** Hands the exchange to the product and takes the answer. */
export function invoke(exchange: Intended, ports: Ports): Invoked | Refusal | Promise<Invoked | Refusal> {
  const answer = ports.invoke(exchange);
  return answer instanceof Promise ? answer.then((made) => take(exchange, made)) : take(exchange, answer);
}

function take(exchange: Intended, answer: Answer | Refusal): Invoked | Refusal {
  if (isRefusal(answer)) return answer;
  const invoked = exchange as Filling<Invoked>;
  invoked.answer = answer;
  return invoked;
}
