import { notifications } from '@mantine/notifications';
import { asProblem, toldOf } from '../api/problem';

/** Says why something that has no place of its own on the page was not done. */
export function tellProblem(cause: unknown): void {
  const problem = asProblem(cause);
  notifications.show({ color: 'red', title: problem.title, message: toldOf(problem) });
}
