import { ActionIcon, Avatar, Menu, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconCheck, IconDeviceDesktop, IconKeyboard, IconLogout, IconMoon, IconShieldLock, IconSun } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { logout } from '../api/auth';
import { asProblem, toldOf } from '../api/problem';
import { useMe, useNextProject } from '../hooks/useProject';
import { initials } from '../util/actor';

const SCHEMES: readonly { value: MantineColorScheme; label: string; icon: typeof IconSun }[] = [
  { value: 'light', label: 'Light', icon: IconSun },
  { value: 'dark', label: 'Dark', icon: IconMoon },
  { value: 'auto', label: 'As the system', icon: IconDeviceDesktop },
];

export function PersonMenu({ onShowShortcuts }: { onShowShortcuts: () => void }) {
  const me = useMe();
  const project = useNextProject();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const leave = useMutation({
    mutationFn: logout,
    onSuccess: async () => {
      await navigate({ to: '/login' });
      client.clear();
    },
    onError: (cause) => {
      notifications.show({ color: 'red', title: 'You are still logged in', message: toldOf(asProblem(cause)) });
    },
  });
  return (
    <Menu width={220}>
      <Menu.Target>
        <ActionIcon size={30} radius="xl" aria-label="Your account">
          <Avatar size={26} radius="xl" color="accent" variant="filled">
            {initials(me?.user.name ?? '')}
          </Avatar>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {me?.user.name}
          <br />
          {me?.user.email} · {me?.role}
        </Menu.Label>
        <Menu.Divider />
        <Menu.Label>Theme</Menu.Label>
        {SCHEMES.map(({ value, label, icon: Icon }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={15} />}
            rightSection={colorScheme === value ? <IconCheck size={14} aria-label="chosen" /> : null}
            onClick={() => setColorScheme(value)}
          >
            {label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={15} />} onClick={onShowShortcuts}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item
          leftSection={<IconShieldLock size={15} />}
          renderRoot={(props) => <Link to="/p/$project/settings/security" params={{ project }} {...props} />}
        >
          Your security
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={() => leave.mutate()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
