import { Accordion } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { asProblem } from '../api/problem';
import { refusedWebhooksQuery } from '../api/tenant';
import { useProject } from '../hooks/useProject';
import { CodeBlock } from '../ui/CodeBlock';
import { Panel } from '../ui/Panel';
import { ProblemAlert } from '../ui/ProblemAlert';
import { RelativeTime } from '../ui/RelativeTime';
import { exactCount } from '../util/numbers';

/** What senders were refused lately, and why. Absent while there is nothing to say. */
export function RefusedWebhooks() {
  const { data, error, refetch } = useQuery(refusedWebhooksQuery(useProject()));
  if (!data && error) {
    return (
      <Panel title="Refused webhooks">
        <ProblemAlert problem={asProblem(error)} retry={() => void refetch()} />
      </Panel>
    );
  }
  if (!data || data.items.length === 0) return null;
  return (
    <Panel title="Refused webhooks" count={data.items.length} flush>
      <Accordion chevronPosition="left">
        {data.items.map((refused) => (
          <Accordion.Item key={`${refused.integration} ${refused.received_at}`} value={refused.received_at}>
            <Accordion.Control>
              <span style={{ fontWeight: 500 }}>{refused.integration}</span> <span className="mono">{refused.reason}</span>{' '}
              <span className="dim">
                <RelativeTime at={refused.received_at} />
              </span>
            </Accordion.Control>
            <Accordion.Panel>
              <CodeBlock name={`Body, ${exactCount(refused.body_bytes)} bytes`} text={refused.body} />
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Panel>
  );
}
