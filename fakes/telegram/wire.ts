// What travels: the objects of the Bot API (https://core.telegram.org/bots/api), as far as this fake speaks it.

export type User = {
  readonly id: number;
  readonly is_bot: boolean;
  readonly first_name: string;
  readonly last_name?: string;
  readonly username?: string;
  readonly language_code?: string;
};

export type Chat =
  | {
      readonly id: number;
      readonly type: "private";
      readonly first_name: string;
      readonly last_name?: string;
      readonly username?: string;
    }
  | {
      readonly id: number;
      readonly type: "group" | "supergroup";
      readonly title: string;
      readonly all_members_are_administrators?: boolean;
    };

/** `offset` and `length` are UTF-16 units. */
export type Entity = {
  readonly type: string;
  readonly offset: number;
  readonly length: number;
  readonly url?: string;
  readonly language?: string;
  readonly user?: User;
  readonly custom_emoji_id?: string;
};

export type Formatted = { readonly text: string; readonly entities: readonly Entity[] };

export type Button = {
  readonly text: string;
  readonly callback_data?: string | undefined;
  readonly url?: string | undefined;
  readonly style?: "danger" | "success" | "primary" | undefined;
};
export type InlineKeyboard = { readonly inline_keyboard: readonly (readonly Button[])[] };

type Stored = { readonly file_id: string; readonly file_unique_id: string; readonly file_size: number };
export type PhotoSize = Stored & { readonly width: number; readonly height: number };
export type Document = Stored & { readonly file_name?: string; readonly mime_type?: string };
export type Voice = Stored & { readonly duration: number; readonly mime_type: string };

export type Origin =
  | { readonly type: "user"; readonly sender_user: User; readonly date: number }
  | { readonly type: "hidden_user"; readonly sender_user_name: string; readonly date: number }
  | {
      readonly type: "channel";
      readonly chat: { readonly id: number; readonly type: "channel"; readonly title: string };
      readonly message_id: number;
      readonly date: number;
    };

export type Message = {
  readonly message_id: number;
  readonly from: User;
  readonly chat: Chat;
  readonly date: number;
  readonly edit_date?: number;
  readonly forward_origin?: Origin;
  readonly reply_to_message?: Message;
  readonly media_group_id?: string;
  readonly text?: string;
  readonly entities?: readonly Entity[];
  readonly caption?: string;
  readonly caption_entities?: readonly Entity[];
  readonly photo?: readonly PhotoSize[];
  readonly document?: Document;
  readonly voice?: Voice;
  readonly reply_markup?: InlineKeyboard;
};

export type CallbackQuery = {
  readonly id: string;
  readonly from: User;
  readonly message: Message;
  readonly chat_instance: string;
  readonly data: string;
};

type Member = { readonly user: User; readonly status: "member" | "kicked" | "left"; readonly until_date?: number };
export type Emoji = { readonly type: "emoji"; readonly emoji: string };

/** What an update carries besides its number. */
export type Happening =
  | { readonly message: Message }
  | { readonly edited_message: Message }
  | { readonly callback_query: CallbackQuery }
  | {
      readonly my_chat_member: {
        readonly chat: Chat;
        readonly from: User;
        readonly date: number;
        readonly old_chat_member: Member;
        readonly new_chat_member: Member;
      };
    }
  | {
      readonly message_reaction: {
        readonly chat: Chat;
        readonly message_id: number;
        readonly user: User;
        readonly date: number;
        readonly old_reaction: readonly Emoji[];
        readonly new_reaction: readonly Emoji[];
      };
    };
export type Update = { readonly update_id: number } & Happening;
