import { Button } from '@mantine/core';
import { IconMapQuestion } from '@tabler/icons-react';
import { Link, useLocation } from '@tanstack/react-router';
import { EmptyState } from '../ui/EmptyState';

export function NotFoundPage() {
  const { pathname } = useLocation();
  return (
    <main>
      <title>There is no such page · SRE Copilot</title>
      <EmptyState
        icon={<IconMapQuestion size={20} />}
        title="There is no such page"
        action={
          <Button variant="default" renderRoot={(props) => <Link to="/" {...props} />}>
            Go to overview
          </Button>
        }
      >
        <span className="mono">{pathname}</span> leads nowhere. The link may be old or mistyped.
      </EmptyState>
    </main>
  );
}
