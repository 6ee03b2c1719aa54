import { Button, Group } from '@mantine/core';
import { IconAlertTriangle, IconLock, IconMapQuestion, IconPlugConnectedX } from '@tabler/icons-react';
import { Link, useRouter } from '@tanstack/react-router';
import { adviceFor, isNotLoaded, isRetryable, type Problem } from '../api/problem';
import { useRetry } from '../hooks/useRetry';
import { EmptyState } from '../ui/EmptyState';
import { reloadWhenThere } from '../util/reload';

/** A whole page that cannot be shown: what happened, what it means, what to do. What may pass is tried again. */
export function ProblemPage({ problem }: { problem: Problem }) {
  const router = useRouter();
  const Icon = iconFor(problem);
  useRetry(isRetryable(problem), isNotLoaded(problem) ? reloadWhenThere : () => router.invalidate());
  return (
    <main role="alert">
      <EmptyState
        icon={<Icon size={20} />}
        title={problem.title}
        action={
          <Group gap="xs" justify="center">
            <Button variant="default" onClick={() => (isNotLoaded(problem) ? window.location.reload() : void router.invalidate())}>
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
        {problem.requestId && (
          <div>
            Request <span className="mono">{problem.requestId}</span>
          </div>
        )}
      </EmptyState>
    </main>
  );
}

function iconFor(problem: Problem) {
  if (isRetryable(problem)) return IconPlugConnectedX;
  if (problem.status === 403) return IconLock;
  return problem.status === 404 ? IconMapQuestion : IconAlertTriangle;
}
