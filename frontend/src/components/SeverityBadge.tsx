import type { Severity } from '../api/types';
import classes from './SeverityBadge.module.css';

const MEANING: Record<Severity, string> = {
  SEV1: 'critical',
  SEV2: 'major',
  SEV3: 'minor',
  SEV4: 'low',
};

export function severityMeaning(severity: Severity): string {
  return MEANING[severity];
}

/** The more severe, the more bars are filled: readable without colour. */
export function SeverityBadge({ severity, bare = false }: { severity: Severity; bare?: boolean }) {
  const tone = severity.toLowerCase();
  const filled = 5 - Number(severity.slice(3));
  return (
    <span
      className={classes.badge}
      data-bare={bare || undefined}
      title={`${severity}: ${MEANING[severity]}`}
      style={{ color: `var(--tone-${tone})`, background: bare ? undefined : `var(--tone-${tone}-bg)` }}
    >
      <svg viewBox="0 0 14 12" width="14" height="12" aria-hidden className={classes.bars}>
        {[0, 1, 2, 3].map((bar) => (
          <rect
            key={bar}
            x={bar * 3.6}
            y={8 - bar * 2.6}
            width="2.4"
            height={4 + bar * 2.6}
            rx="0.8"
            opacity={bar < filled ? 1 : 0.28}
          />
        ))}
      </svg>
      {severity}
    </span>
  );
}
