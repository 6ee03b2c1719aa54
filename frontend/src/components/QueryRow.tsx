import { ActionIcon, Skeleton, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconEye, IconEyeOff, IconTrash } from '@tabler/icons-react';
import { lazy, Suspense } from 'react';
import type { Problem } from '../api/problem';
import { Callout } from '../ui/Callout';
import { RequestId } from '../ui/RequestId';
import { errorPosition, pointAt, type Letter } from '../util/metric-queries';
import classes from './QueryRow.module.css';

const PromqlEditor = lazy(async () => ({ default: (await import('./PromqlEditor')).PromqlEditor }));

interface QueryRowProps {
  letter: Letter;
  text: string;
  /** What was last run, to which the problem belongs. */
  ran: string | undefined;
  hidden: boolean;
  problem: Problem | null;
  warnings: readonly string[];
  removable: boolean;
  onChange: (text: string) => void;
  onRun: () => void;
  onToggle: () => void;
  onRemove: () => void;
}

/** One query: its letter, the editor, and beneath it what the server thinks of it. */
export function QueryRow(props: QueryRowProps) {
  const name = props.letter.toUpperCase();
  const Eye = props.hidden ? IconEyeOff : IconEye;
  return (
    <div className={classes.row} data-hidden={props.hidden || undefined}>
      <span className={classes.letter} aria-hidden>
        {name}
      </span>
      <Suspense fallback={<Skeleton height={32} />}>
        <PromqlEditor label={`Query ${name}`} value={props.text} onChange={props.onChange} onRun={props.onRun} />
      </Suspense>
      <div className={classes.acts}>
        <Tooltip label={props.hidden ? 'Show on the chart' : 'Hide from the chart'}>
          <ActionIcon size="lg" aria-label={`${props.hidden ? 'Show' : 'Hide'} query ${name}`} aria-pressed={props.hidden} onClick={props.onToggle}>
            <Eye size={16} />
          </ActionIcon>
        </Tooltip>
        {props.removable && (
          <Tooltip label="Remove">
            <ActionIcon size="lg" aria-label={`Remove query ${name}`} onClick={props.onRemove}>
              <IconTrash size={16} />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      {props.problem && <QueryProblem problem={props.problem} expr={props.ran ?? ''} />}
      {props.warnings.length > 0 && (
        <ul className={classes.warnings} aria-label={`Notes on query ${name}`}>
          {props.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function QueryProblem({ problem, expr }: { problem: Problem; expr: string }) {
  const place = errorPosition(problem.detail);
  return (
    <div className={classes.problem}>
      <Callout tone="bad" role="alert" icon={<IconAlertTriangle size={18} />} title={problem.title}>
        {place ? (
          <>
            <p>
              Line {place.line}, column {place.column}: {place.message}
            </p>
            <pre className={classes.pointer}>{pointAt(expr, place)}</pre>
          </>
        ) : (
          problem.detail && <p>{problem.detail}</p>
        )}
        {problem.requestId && (
          <p>
            <RequestId id={problem.requestId} />
          </p>
        )}
      </Callout>
    </div>
  );
}
