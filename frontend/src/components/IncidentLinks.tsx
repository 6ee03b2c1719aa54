import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { incidentAlertsQuery } from '../api/incidents';
import type { Incident } from '../api/types';
import { useNow } from '../hooks/useNow';
import { servicesOf } from '../util/alert-links';
import { around } from '../util/around';
import { metricsOf } from '../util/service-health';
import classes from './AlertLinks.module.css';

/** So many services are looked at together: those of a storm are all. */
const MOST_SERVICES = 5;

/** From an incident to what explains it: metrics, lines and traces around its beginning, of the services that its alerts name. */
export function IncidentLinks({ incident }: { incident: Incident }) {
  const { project_id: project, id } = incident;
  const alerts = useQuery(incidentAlertsQuery(project, id)).data ?? [];
  const window = around(incident.opened_at, incident.resolved_at, useNow());
  const services = servicesOf(alerts);
  const [only] = services.length === 1 ? services : [];
  const several = services.length <= MOST_SERVICES ? services.join(',') : '';
  return (
    <nav className={classes.links} aria-label="Around this incident">
      <span className="dim">Around it</span>
      <Link to="/p/$project/metrics" params={{ project }} search={{ ...window, ...(only && { a: metricsOf(only) }) }}>
        Metrics
      </Link>
      <Link to="/p/$project/logs" params={{ project }} search={{ ...window, ...(several && { service: several }) }}>
        Logs
      </Link>
      <Link to="/p/$project/traces" params={{ project }} search={{ ...window, ...(only && { service: only }) }}>
        Traces
      </Link>
      <Link to="/p/$project/services" params={{ project }} search={{ ...window, ...(only && { service: only }) }}>
        Services
      </Link>
    </nav>
  );
}
