import { Button, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconCheck, IconSelector } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { enterTenant } from '../api/auth';
import { asProblem, toldOf } from '../api/problem';
import { useMe, useNextProject } from '../hooks/useProject';
import classes from './ProjectSwitcher.module.css';

export function ProjectSwitcher() {
  const me = useMe();
  const project = useNextProject();
  const client = useQueryClient();
  const router = useRouter();
  const enter = useMutation({
    mutationFn: enterTenant,
    onSuccess: (into) => {
      client.clear();
      router.history.push(`/p/${into}`);
    },
    onError: (cause) => {
      const problem = asProblem(cause);
      notifications.show({ color: 'red', title: 'You are still here', message: toldOf(problem) || problem.title });
    },
  });
  if (!me) return null;
  const others = me.tenants.filter((tenant) => tenant.id !== me.tenant.id);
  const current = me.projects.find((one) => one.id === project) ?? me.project;
  return (
    <Menu position="bottom-start" width={240}>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          className={classes.button}
          rightSection={<IconSelector size={14} />}
          aria-label={`Project ${current.name} of ${me.tenant.name}`}
        >
          <span className={classes.tenant}>{me.tenant.name}</span>
          <span className={classes.slash} aria-hidden>/</span>
          <span className={classes.project}>{current.name}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Projects of {me.tenant.name}</Menu.Label>
        {me.projects.map((one) => (
          <Menu.Item
            key={one.id}
            renderRoot={(props) => <Link to="/p/$project" params={{ project: one.id }} {...props} />}
            rightSection={one.id === project ? <IconCheck size={14} aria-label="current" /> : null}
          >
            {one.name}
          </Menu.Item>
        ))}
        {others.length > 0 && (
          <>
            <Menu.Divider />
            <Menu.Label>Other organisations</Menu.Label>
            {others.map((tenant) => (
              <Menu.Item key={tenant.id} onClick={() => enter.mutate(tenant.id)}>
                {tenant.name}
              </Menu.Item>
            ))}
          </>
        )}
        <Menu.Divider />
        <Menu.Item renderRoot={(props) => <Link to="/p/$project/settings/projects" params={{ project }} {...props} />}>
          Manage projects
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
