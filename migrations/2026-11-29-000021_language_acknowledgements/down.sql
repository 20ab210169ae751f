DROP TABLE language_acknowledgements;
