import {
  IconAlertCircle,
  IconBulb,
  IconCircleCheck,
  IconGitMerge,
  IconHandStop,
  IconShieldCheck,
  IconZoomQuestion,
  type Icon,
} from '@tabler/icons-react';
import type { IncidentStatus } from '../api/types';
import classes from './StatusBadge.module.css';

export const STATUS_ICONS: Record<IncidentStatus, Icon> = {
  detected: IconAlertCircle,
  acknowledged: IconHandStop,
  investigating: IconZoomQuestion,
  mitigated: IconShieldCheck,
  resolved: IconCircleCheck,
  learned: IconBulb,
  merged: IconGitMerge,
};

export function StatusBadge({ status }: { status: IncidentStatus }) {
  const Icon = STATUS_ICONS[status];
  return (
    <span className={classes.status}>
      <Icon size={16} stroke={1.9} color={`var(--tone-${status})`} aria-hidden />
      {statusLabel(status)}
    </span>
  );
}

export function statusLabel(status: IncidentStatus): string {
  return status.charAt(0).toUpperCase() + status.slice(1);
}
