import { notifications } from '@mantine/notifications';
import { asProblem, toldOf } from '../api/problem';

/** So long a refusal stays: what was not done is missed where it goes while somebody looks elsewhere. */
export const REFUSAL_STAYS_MS = 30_000;

/** Says why something that has no place of its own on the page was not done. */
export function tellProblem(cause: unknown): void {
  const problem = asProblem(cause);
  notifications.show({ color: 'red', title: problem.title, message: toldOf(problem), autoClose: REFUSAL_STAYS_MS });
}
