import { Alert, Button, Code, Group, Text } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { adviceFor, isRetryable, type Problem } from '../api/problem';

interface ProblemAlertProps {
  problem: Problem;
  retry?: (() => void) | undefined;
}

/** What happened, what it means, what to do, and the request id. */
export function ProblemAlert({ problem, retry }: ProblemAlertProps) {
  const advice = adviceFor(problem);
  const away = isRetryable(problem);
  return (
    <Alert
      role="alert"
      variant="light"
      color={away ? 'yellow' : 'red'}
      icon={away ? <IconPlugConnectedX size={18} /> : <IconAlertTriangle size={18} />}
      title={problem.title}
      styles={{ title: { color: 'var(--ink)' }, message: { color: 'var(--ink)' } }}
    >
      {problem.detail && problem.detail !== problem.title && <Text size="sm">{problem.detail}</Text>}
      {advice && advice !== problem.detail && (
        <Text size="sm" c="dimmed">
          {advice}
        </Text>
      )}
      {(retry || problem.requestId) && (
        <Group mt="xs" gap="sm">
          {retry && (
            <Button size="compact-xs" variant="default" onClick={retry}>
              Try again
            </Button>
          )}
          {problem.requestId && (
            <Text size="xs" c="dimmed">
              Request <Code>{problem.requestId}</Code>
            </Text>
          )}
        </Group>
      )}
    </Alert>
  );
}
