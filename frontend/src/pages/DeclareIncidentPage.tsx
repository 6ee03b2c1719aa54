import { IconLock } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { may } from '../api/auth';
import { settleIncident } from '../api/incidents';
import type { Incident } from '../api/types';
import { DeclareIncidentForm } from '../forms/DeclareIncidentForm';
import { useMe, useProject } from '../hooks/useProject';
import { EmptyState } from '../ui/EmptyState';
import { PageHeader } from '../ui/PageHeader';
import classes from './FormPage.module.css';

export function DeclareIncidentPage() {
  const project = useProject();
  const client = useQueryClient();
  const navigate = useNavigate();
  const router = useRouter();
  const mayOpen = may(useMe(), 'incident.open');
  const open = async (incident: Incident) => {
    await settleIncident(client, incident);
    await navigate({ to: '/p/$project/incidents/$incident', params: { project, incident: incident.id } });
  };
  // Whoever came by a bookmark has no page to go back to.
  const cancel = () => {
    if (router.history.canGoBack()) router.history.back();
    else void navigate({ to: '/p/$project/incidents', params: { project } });
  };
  return (
    <div className={classes.page}>
      <PageHeader title="Declare an incident" description="When in doubt, declare: it costs nothing to resolve it again." />
      <div className={classes.card}>
        {mayOpen ? (
          <DeclareIncidentForm onDone={open} onCancel={cancel} />
        ) : (
          <EmptyState icon={<IconLock size={20} />} title="Your role does not declare incidents">
            Engineers, admins and owners do. Tell one of them what you see, or ask an admin for another role.
          </EmptyState>
        )}
      </div>
    </div>
  );
}
