import { IconBellRinging, IconCircleCheck } from '@tabler/icons-react';
import type { Alert } from '../api/types';
import classes from './StatusBadge.module.css';

export function AlertStatus({ status }: { status: Alert['status'] }) {
  const firing = status === 'firing';
  const Icon = firing ? IconBellRinging : IconCircleCheck;
  return (
    <span className={classes.status}>
      <Icon size={16} stroke={1.9} aria-hidden color={`var(--tone-${firing ? 'detected' : 'resolved'})`} />
      {firing ? 'Firing' : 'Resolved'}
    </span>
  );
}
