import { ActionIcon, Button, Menu, TextInput } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import { IconBookmark, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';

interface View {
  name: string;
  /** Query, service, level and tab, as the URL holds them; the range stays what it is. */
  search: Record<string, string>;
}

interface SavedViewsProps {
  /** Separates the lists of pages and projects. */
  storage: string;
  current: Record<string, string | undefined>;
  onOpen: (search: Record<string, string>) => void;
}

/** Named searches of this browser. To share one, share its link. */
export function SavedViews({ storage, current, onOpen }: SavedViewsProps) {
  const [views, setViews] = useLocalStorage<View[]>({ key: storage, defaultValue: [], getInitialValueInEffect: false });
  const [name, setName] = useState('');
  const save = () => {
    const search = Object.fromEntries(Object.entries(current).flatMap(([key, value]) => (value ? [[key, value]] : [])));
    setViews([...views.filter((view) => view.name !== name.trim()), { name: name.trim(), search }]);
    setName('');
  };
  return (
    <Menu closeOnItemClick={false} width={280}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconBookmark size={14} />}>
          Views
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {views.length === 0 && <Menu.Label>No saved views in this browser</Menu.Label>}
        {views.map((view) => (
          <Menu.Item
            key={view.name}
            onClick={() => onOpen(view.search)}
            rightSection={
              <ActionIcon
                component="span"
                role="button"
                aria-label={`Delete view ${view.name}`}
                onClick={(event: React.MouseEvent) => {
                  event.stopPropagation();
                  setViews(views.filter((one) => one.name !== view.name));
                }}
              >
                <IconTrash size={14} />
              </ActionIcon>
            }
          >
            {view.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <form
          style={{ display: 'flex', gap: 8, padding: 8 }}
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim()) save();
          }}
        >
          <TextInput size="xs" aria-label="Name of the view" placeholder="Name this search" value={name} onChange={(event) => setName(event.currentTarget.value)} onKeyDown={(event) => event.stopPropagation()} style={{ flex: 1 }} />
          <Button type="submit" disabled={!name.trim()}>
            Save
          </Button>
        </form>
      </Menu.Dropdown>
    </Menu>
  );
}
