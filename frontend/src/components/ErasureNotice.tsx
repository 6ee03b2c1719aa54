import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { may } from '../api/auth';
import { keys } from '../api/keys';
import { asProblem } from '../api/problem';
import { callOffTenantErasure } from '../api/tenant';
import { useMe } from '../hooks/useProject';
import { Callout } from '../ui/Callout';
import { ProblemAlert } from '../ui/ProblemAlert';
import { absoluteTime } from '../util/time';
import classes from './ErasureNotice.module.css';

/** Over every page while the organisation is to be erased: when, who asked, and for owners a way out. */
export function ErasureNotice() {
  const client = useQueryClient();
  const me = useMe();
  const tenant = me?.tenant;
  const callOff = useMutation({
    mutationFn: callOffTenantErasure,
    onSettled: () => client.invalidateQueries({ queryKey: keys.me }),
  });
  if (!tenant?.erasure) return null;
  const { asked_by: asker, due_at: due } = tenant.erasure;
  return (
    <div className={classes.notice}>
      <Callout tone="bad" icon={<IconAlertTriangle size={18} />} title={`${tenant.name} is to be erased`} role="status">
        {callOff.error && <ProblemAlert problem={asProblem(callOff.error)} />}
        <div className={classes.line}>
          <p>
            On {absoluteTime(due)} everything of this organisation is gone for ever. {asker.name} asked for it.
          </p>
          {may(me, 'tenant.erase') && (
            <Button variant="default" loading={callOff.isPending} onClick={() => callOff.mutate()}>
              Call it off
            </Button>
          )}
        </div>
      </Callout>
    </div>
  );
}
