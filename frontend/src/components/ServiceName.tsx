import { assignColors } from '../util/series';
import classes from './ServiceName.module.css';

/** A colour per service, the same on every part of the page; `services` are all that are on it. */
export function serviceColors(services: readonly string[]): (service: string) => string {
  const colors = assignColors(services);
  return (service) => `var(--series-${colors.get(service)?.color ?? 0})`;
}

export function ServiceName({ service, color }: { service: string; color: string }) {
  return (
    <span className={classes.service}>
      <span className={classes.swatch} style={{ background: color }} aria-hidden />
      {service}
    </span>
  );
}
