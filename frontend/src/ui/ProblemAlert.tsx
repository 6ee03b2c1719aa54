import { Button } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { adviceFor, isRetryable, type Problem } from '../api/problem';
import { Callout } from './Callout';
import { RequestId } from './RequestId';
import classes from './ProblemAlert.module.css';

interface ProblemAlertProps {
  problem: Problem;
  retry?: (() => void) | undefined;
}

/** What happened, what it means, what to do, and the request id. */
export function ProblemAlert({ problem, retry }: ProblemAlertProps) {
  const advice = adviceFor(problem);
  const away = isRetryable(problem);
  const Icon = away ? IconPlugConnectedX : IconAlertTriangle;
  return (
    <div className={classes.problem}>
      <Callout role="alert" tone={away ? 'warn' : 'bad'} icon={<Icon size={18} />} title={problem.title}>
        {problem.detail && problem.detail !== problem.title && <p>{problem.detail}</p>}
        {advice && advice !== problem.detail && <p>{advice}</p>}
        {(retry || problem.requestId) && (
          <div className={classes.foot}>
            {retry && (
              <Button size="compact-xs" variant="default" onClick={retry}>
                Try again
              </Button>
            )}
            {problem.requestId && <RequestId id={problem.requestId} />}
          </div>
        )}
      </Callout>
    </div>
  );
}
