count = dict.fromkeys("abcdefghijklmnopqrstuvwxyz", 0)
for letter in input().lower():
    count[letter] += 1
print(sum(count[vowel] for vowel in "aeiou"))
