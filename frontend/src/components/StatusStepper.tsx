import { Tooltip } from '@mantine/core';
import type { Incident, IncidentStatus } from '../api/types';
import { useNow } from '../hooks/useNow';
import { BY_TOUCH_TOO } from '../ui/by-touch';
import { absoluteTime, clockOn, duration, secondsBetween } from '../util/time';
import { STATUS_ICONS, statusLabel } from './StatusBadge';
import classes from './StatusStepper.module.css';

const STEPS = ['detected', 'acknowledged', 'investigating', 'mitigated', 'resolved', 'learned'] as const;

type Step = (typeof STEPS)[number];

/** Where the incident stands, when it got there, and which steps it skipped. */
export function StatusStepper({ incident }: { incident: Incident }) {
  const current = STEPS.indexOf(incident.status as Step);
  return (
    <ol className={classes.steps} aria-label="Progress">
      {STEPS.map((step, index) => {
        const at = reachedAt(incident, step);
        const state = stateOf(index, current, at);
        const Icon = STATUS_ICONS[step];
        return (
          <li
            key={step}
            className={classes.step}
            data-state={state}
            aria-current={state === 'current' ? 'step' : undefined}
            style={{ '--tone': `var(--tone-${step})`, '--tone-bg': `var(--tone-${step}-bg)` } as React.CSSProperties}
          >
            <span className={classes.mark}>
              <Icon size={15} stroke={2} aria-hidden />
            </span>
            <span className={classes.text}>
              <span className={classes.name}>{statusLabel(step)}</span>
              <StepTime incident={incident} at={at} state={state} />
            </span>
          </li>
        );
      })}
    </ol>
  );
}

type StepState = 'done' | 'current' | 'skipped' | 'ahead';

function StepTime({ incident, at, state }: { incident: Incident; at: string | null; state: StepState }) {
  const now = useNow();
  if (state === 'skipped') return <span className={classes.time}>skipped</span>;
  if (!at || state === 'ahead') return <span className={classes.time}>–</span>;
  const after = secondsBetween(incident.opened_at, at);
  const label = at === incident.opened_at ? absoluteTime(at) : `${absoluteTime(at)}, ${duration(after)} after detection`;
  return (
    <Tooltip label={label} events={BY_TOUCH_TOO}>
      <time dateTime={at} className={classes.time}>
        {clockOn(at, now)}
      </time>
    </Tooltip>
  );
}

function stateOf(index: number, current: number, at: string | null): StepState {
  if (index === current) return 'current';
  if (index > current) return 'ahead';
  return at ? 'done' : 'skipped';
}

function reachedAt(incident: Incident, step: Step): string | null {
  const at: Record<Exclude<IncidentStatus, 'merged'>, string | null> = {
    detected: incident.opened_at,
    acknowledged: incident.acknowledged_at ?? null,
    investigating: incident.investigating_at ?? null,
    mitigated: incident.mitigated_at ?? null,
    resolved: incident.resolved_at ?? null,
    learned: incident.learned_at ?? null,
  };
  return at[step];
}
