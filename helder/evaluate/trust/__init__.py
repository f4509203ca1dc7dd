"""How far an answer can be trusted: each statement here is a bound with the number of trials behind it.

bounds       how often something can happen that was seen k times in n trials
ranking      whether a number tells two groups apart: AUC, and how many are found at few false alarms
calibration  whether a confidence of 0.9 is right nine times in ten
selective    which answers to withhold so that few of those given are wrong
robustness   what typing errors, capitals, another word order and other words change
leakage      whether the model gives away what it learnt from
injection    whether a text that is asked about can give orders, or become a control token
"""
