import { Link } from '@tanstack/react-router';
import type { Alert } from '../api/types';
import { useNow } from '../hooks/useNow';
import { useProject } from '../hooks/useProject';
import { OutLink } from '../ui/OutLink';
import { alertLinks } from '../util/alert-links';
import classes from './AlertLinks.module.css';

/** From an alert to what explains it: its runbook, its query, and the service's lines and traces around its beginning. */
export function AlertLinks({ alert }: { alert: Alert }) {
  const project = useProject();
  const { window, service, expression, runbook } = alertLinks(alert, useNow());
  if (!service && !expression && !runbook) return null;
  return (
    <nav className={classes.links} aria-label={`From ${alert.name}`}>
      {runbook && <OutLink href={runbook}>Runbook</OutLink>}
      {expression && (
        <Link to="/p/$project/metrics" params={{ project }} search={{ ...window, a: expression }}>
          Metrics
        </Link>
      )}
      {service && (
        <>
          <Link to="/p/$project/logs" params={{ project }} search={{ ...window, service }} aria-label={`Logs of ${service}`}>
            Logs
          </Link>
          <Link to="/p/$project/traces" params={{ project }} search={{ ...window, service }} aria-label={`Traces of ${service}`}>
            Traces
          </Link>
        </>
      )}
    </nav>
  );
}
