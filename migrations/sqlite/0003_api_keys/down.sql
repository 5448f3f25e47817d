DROP TABLE api_session;
DROP TABLE api_key;
