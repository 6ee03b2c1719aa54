import { IconCircleCheck, IconCircleDashed, IconCircleX } from '@tabler/icons-react';
import type { HealthStatus } from '../api/monitoring';
import { HEALTH_TEXT } from '../util/monitoring';

const LOOK = {
  up: { Icon: IconCircleCheck, color: 'var(--tone-resolved)' },
  down: { Icon: IconCircleX, color: 'var(--tone-detected)' },
  unknown: { Icon: IconCircleDashed, color: 'var(--ink-dim)' },
} as const;

/** Whether a server answers: icon and word, and the colour says it again. */
export function HealthBadge({ status }: { status: HealthStatus }) {
  const { Icon, color } = LOOK[status];
  return (
    <span style={{ display: 'inline-flex', alignItems: 'center', gap: 4, color, fontWeight: 500, whiteSpace: 'nowrap' }}>
      <Icon size={15} aria-hidden /> {HEALTH_TEXT[status]}
    </span>
  );
}
