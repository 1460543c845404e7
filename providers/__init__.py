"""How each carrier and Zalo is spoken to: dialects that store nothing and know no campaign."""
