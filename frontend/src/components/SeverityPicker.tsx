import { Menu, UnstyledButton } from '@mantine/core';
import { setSeverity } from '../api/incidents';
import { SEVERITIES, type Incident, type Severity } from '../api/types';
import { useIncidentWrite } from '../hooks/useIncidentWrite';
import { SeverityBadge, severityMeaning } from './SeverityBadge';

export function SeverityPicker({ incident, disabled }: { incident: Incident; disabled: boolean }) {
  const write = useIncidentWrite(incident, (severity: Severity) => setSeverity(incident, severity));
  if (disabled) return <SeverityBadge severity={incident.severity} />;
  return (
    <Menu width={180} position="bottom-start">
      <Menu.Target>
        <UnstyledButton aria-label={`Severity: ${incident.severity}`} disabled={write.isPending} lh={1}>
          <SeverityBadge severity={incident.severity} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {SEVERITIES.map((severity) => (
          <Menu.Item
            key={severity}
            disabled={severity === incident.severity}
            onClick={() => write.mutate(severity)}
            leftSection={<SeverityBadge severity={severity} bare />}
          >
            {severityMeaning(severity)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
