import { Button, Group } from '@mantine/core';
import { IconAlertTriangle, IconLock, IconMapQuestion, IconPlugConnectedX } from '@tabler/icons-react';
import { Link, useRouter } from '@tanstack/react-router';
import { adviceFor, isNotLoaded, isRetryable, type Problem } from '../api/problem';
import { useRetry } from '../hooks/useRetry';
import { EmptyState } from '../ui/EmptyState';
import { RequestId } from '../ui/RequestId';
import { reloadWhenThere } from '../util/reload';

interface ProblemPageProps {
  problem: Problem;
  /** Asks again for what failed; without it the route begins anew, which asks again for nothing that a page asked for. */
  retry?: () => Promise<unknown>;
}

/** A whole page that cannot be shown: what happened, what it means, what to do. What may pass is tried again. */
export function ProblemPage({ problem, retry }: ProblemPageProps) {
  const router = useRouter();
  const again = retry ?? (() => router.invalidate());
  const Icon = iconFor(problem);
  useRetry(isRetryable(problem), isNotLoaded(problem) ? reloadWhenThere : again);
  return (
    <main role="alert">
      <title>{`${problem.title} · SRE Copilot`}</title>
      <EmptyState
        icon={<Icon size={20} />}
        title={problem.title}
        action={
          <Group gap="xs" justify="center">
            <Button variant="default" onClick={() => (isNotLoaded(problem) ? window.location.reload() : void again())}>
              Try again
            </Button>
            <Button variant="default" renderRoot={(props) => <Link to="/" {...props} />}>
              Go to overview
            </Button>
          </Group>
        }
      >
        {problem.detail && problem.detail !== problem.title && <div>{problem.detail}</div>}
        <div>{adviceFor(problem)}</div>
        {problem.requestId && <RequestId id={problem.requestId} />}
      </EmptyState>
    </main>
  );
}

function iconFor(problem: Problem) {
  if (isRetryable(problem)) return IconPlugConnectedX;
  if (problem.status === 403) return IconLock;
  return problem.status === 404 ? IconMapQuestion : IconAlertTriangle;
}
