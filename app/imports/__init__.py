"""Translation of the definitions of other products into files of ours. Pure: texts in, texts out."""
